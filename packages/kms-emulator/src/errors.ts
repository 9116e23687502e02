/** An error of KMS as it goes over the wire: the name is what the SDK makes a class of. */
export class KmsFault extends Error {
  readonly status: number

  /** @param name AWS's name of the exception, such as `NotFoundException` */
  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

/** The request itself is not what the operation takes. */
export function invalid(message: string): KmsFault {
  return new KmsFault('ValidationException', message)
}

/** The key is of a kind that the operation is not for. */
export function unsupported(message: string): KmsFault {
  return new KmsFault('UnsupportedOperationException', message)
}
