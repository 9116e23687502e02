/**
 * TEXT that is not valid UTF-8, which SQLite can hold and a JavaScript string cannot. A sealed table gives it for such values alone, and takes
 * it back: the bytes stay what they are, and the type stays TEXT.
 */
export class RawText {
  readonly bytes: Uint8Array

  /** @param bytes the text as SQLite stores it */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}
