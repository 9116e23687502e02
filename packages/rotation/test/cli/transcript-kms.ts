import type { Faults, KmsEmulator } from '@keyfold/kms-emulator'
import { startKmsEmulator } from '@keyfold/kms-emulator'

/** The AWS KMS of a transcript: an emulator, whose keys go by names. `${NAME}` in a command is the ARN of the key of that name. */
export class TranscriptKms {
  readonly #arns = new Map<string, string>()
  #emulator: KmsEmulator | undefined

  /** What a process needs to reach it, the endpoint included. */
  get env(): Record<string, string> {
    if (this.#emulator === undefined) return {}
    return { AWS_ACCESS_KEY_ID: 'emulated', AWS_SECRET_ACCESS_KEY: 'emulated', AWS_ENDPOINT_URL_KMS: this.#emulator.endpoint }
  }

  arnsIn(line: string): string {
    return line.replace(/\$\{(\w+)\}/g, (_, name: string) => this.#arns.get(name)!)
  }

  namesIn(line: string): string {
    const named = [...this.#arns].reduce((text, [name, arn]) => text.replaceAll(arn, `\${${name}}`).replaceAll(regionless(arn), `\${${name}}`), line)
    return this.#emulator === undefined ? named : named.replaceAll(this.#emulator.endpoint, '<endpoint>')
  }

  /** `key NAME`, `multi-region-key NAME`, `disable NAME`, `faults JSON`, and `calls`, which tells and forgets what was asked. */
  async play([verb = '', argument = '']: readonly string[]): Promise<string[]> {
    this.#emulator ??= await startKmsEmulator()
    if (verb === 'key' || verb === 'multi-region-key') await this.#create(argument, verb === 'multi-region-key')
    else if (verb === 'disable') await this.#call('DisableKey', { KeyId: this.#arns.get(argument) })
    else if (verb === 'faults') this.#emulator.setFaults(JSON.parse(argument) as Faults)
    else if (verb === 'calls') return [this.#callsSince(this.#emulator)]
    else throw new Error(`a transcript has no command kms ${verb}`)
    return []
  }

  async close(): Promise<void> {
    await this.#emulator?.close()
  }

  async #create(name: string, MultiRegion: boolean): Promise<void> {
    const { KeyMetadata } = (await this.#call('CreateKey', { MultiRegion })) as { KeyMetadata: { Arn: string } }
    this.#arns.set(name, KeyMetadata.Arn)
    this.#emulator!.resetCalls()
  }

  #callsSince(emulator: KmsEmulator): string {
    const { calls } = emulator
    emulator.resetCalls()
    return JSON.stringify(Object.fromEntries(Object.entries(calls).sort()))
  }

  async #call(operation: string, input: object): Promise<unknown> {
    const headers = { 'x-amz-target': `TrentService.${operation}` }
    const answer = await fetch(this.#emulator!.endpoint, { method: 'POST', headers, body: JSON.stringify(input) })
    return answer.json()
  }
}

/** As the id of a multi-region key has it. */
function regionless(arn: string): string {
  return arn.replace(/:kms:[^:]+:/, ':kms::')
}
