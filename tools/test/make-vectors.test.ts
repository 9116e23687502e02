import { createDecipheriv, createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '@keyfold/test-support'
import { expect, test } from 'vitest'
import { vectors, vectorsOfStreams } from '../make-vectors.ts'
import { example, withExample } from '../vectors/example.ts'

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')

test('the published vectors are what the code makes today', () => {
  expect(JSON.parse(read('vectors/envelope-v1.json'))).toEqual(JSON.parse(JSON.stringify(vectors())))
})

test('the published vectors of streams are what the code makes today', () => {
  expect(JSON.parse(read('vectors/stream-v1.json'))).toEqual(JSON.parse(JSON.stringify(vectorsOfStreams())))
})

test('the worked example of docs/format.md is what the code makes today', () => {
  const page = read('docs/format.md')
  expect(withExample(page, example(vectors().valid))).toBe(page)
})

/** The values of the worked example, by their names, as a reader of the page would copy them. */
function printedExample(): (name: string) => Buffer {
  const blocks = read('docs/format.md').split('example:begin')[1]!.split('example:end')[0]!
  return (name) => {
    const lines = blocks.split('\n')
    const at = lines.findIndex((line) => line.startsWith(`${name.padEnd(18)} `))
    const value = [lines[at]!.slice(name.length).trim().split(' ')[0]!]
    for (let i = at + 1; /^ +[0-9a-f]+$/.test(lines[i]!); i++) value.push(lines[i]!.trim())
    return Buffer.from(value.join(''), 'hex')
  }
}

test('the worked example holds by node:crypto alone, without our code', () => {
  const of = printedExample()
  const unwrap = createDecipheriv('id-aes256-wrap-pad', of('KEK'), Buffer.from('a65959a6', 'hex'))
  expect(unwrap.update(of('wrapped DEK'))).toEqual(of('DEK'))
  const message = Buffer.from('000000016b6579666f6c64207265636f72640001010000000200', 'hex')
  expect(createHmac('sha512', of('DEK')).update(message).digest()).toEqual(of('derived'))
  expect(Buffer.concat([of('commitment'), of('body key')])).toEqual(of('derived'))
  expect(createHmac('sha256', of('KEK')).update('keyfold key id v1').digest().subarray(0, 12)).toEqual(of('key id'))
  const decipher = createDecipheriv('aes-256-gcm', of('body key'), of('nonce'), { authTagLength: 16 })
  decipher.setAAD(of('aad'))
  decipher.setAuthTag(of('tag'))
  expect(Buffer.concat([decipher.update(of('ciphertext')), decipher.final()])).toEqual(of('payload'))
  const hash = createHash('sha256').update(of('canonical context')).digest()
  expect(of('aad')).toEqual(Buffer.concat([Buffer.from('4b46010100', 'hex'), of('commitment'), hash]))
})
