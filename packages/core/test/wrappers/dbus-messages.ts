/** Replies of a D-Bus service, written by the specification's own words and not by the code under test. */

/** One typed value: `['s', 'text']`, `['ao', ['/a']]`, `['v', ['b', true]]`. */
export type Typed = readonly [type: string, value: unknown]

export interface Message {
  /** 1 call, 2 return, 3 error, 4 signal. */
  readonly kind: number
  readonly serial?: number
  readonly fields: ReadonlyArray<readonly [code: number, ...Typed]>
  readonly body: readonly Typed[]
  readonly little?: boolean
}

const ALIGNMENT: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, b: 4, u: 4, s: 4, o: 4, a: 4, t: 8 }

export function message({ kind, serial = 77, fields, body, little = true }: Message): Uint8Array {
  const bytes: number[] = []
  const align = (to: number): void => {
    while (bytes.length % to !== 0) bytes.push(0)
  }
  const shifts = little ? [0, 8, 16, 24] : [24, 16, 8, 0]
  const patch = (at: number, value: number): void => {
    bytes.splice(at, 4, ...shifts.map((shift) => (value >>> shift) & 0xff))
  }
  const uint32 = (value: number): void => {
    align(4)
    patch(bytes.length, value)
  }
  const write = ([type, value]: Typed): void => {
    align(ALIGNMENT[type[0]!] ?? 1)
    if (type === 'u') uint32(Number(value))
    else if (type === 'b') uint32(value === true ? 1 : Number(value))
    else if (type === 'y') bytes.push(Number(value))
    else if (type === 't') bytes.push(...new Uint8Array(8))
    else if (type === 'a{ss}') {
      uint32(0)
      const at = bytes.length - 4
      align(8)
      const start = bytes.length
      for (const pair of Object.entries(value as Record<string, string>)) {
        align(8)
        for (const text of pair) write(['s', text])
      }
      patch(at, bytes.length - start)
    } else if (type === 'v') {
      const [inner] = value as Typed
      bytes.push(inner.length, ...Buffer.from(inner), 0)
      write(value as Typed)
    } else if (type[0] === 'a') {
      uint32(0)
      const at = bytes.length - 4
      align(ALIGNMENT[type[1]!] ?? 1)
      const start = bytes.length
      for (const element of value as unknown[]) write([type.slice(1), element])
      patch(at, bytes.length - start)
    } else {
      const utf8 = Buffer.from(String(value))
      if (type === 'g') bytes.push(utf8.length)
      else uint32(utf8.length)
      bytes.push(...utf8, 0)
    }
  }
  // only calls may ask for a reply
  bytes.push(little ? 0x6c : 0x42, kind, kind === 1 ? 0 : 1, 1)
  uint32(0)
  uint32(serial)
  uint32(0)
  for (const [code, type, value] of fields) {
    align(8)
    bytes.push(code)
    write(['v', [type, value]])
  }
  patch(12, bytes.length - 16)
  align(8)
  const start = bytes.length
  // alignment counts from the message's beginning, and the header ends at a multiple of 8
  for (const value of body) write(value)
  patch(4, bytes.length - start)
  return Uint8Array.from(bytes)
}

const signature = (body: readonly Typed[]): string => body.map(([type]) => type).join('')

export function returned(serial: number, body: readonly Typed[], little = true): Uint8Array {
  return message({ kind: 2, fields: [[5, 'u', serial], ...(body.length > 0 ? [[8, 'g', signature(body)] as const] : [])], body, little })
}

export function failed(serial: number, name: string): Uint8Array {
  return message({ kind: 3, fields: [[4, 's', name], [5, 'u', serial], [8, 'g', 's']], body: [['s', 'why it failed']] })
}

/** A signal, such as the NameAcquired that every bus sends first. */
export function signal(body: readonly Typed[] = [['s', ':1.7']]): Uint8Array {
  const fields = [[1, 'o', '/org/freedesktop/DBus'], [2, 's', 'org.freedesktop.DBus'], [3, 's', 'NameAcquired'], [8, 'g', signature(body)]] as const
  return message({ kind: 4, fields, body })
}
