/** Something that the person at the machine has to know: the fact, and what to do. */
export class BootstrapError extends Error {
  /** @param {string} fact @param {string} hint */
  constructor(fact, hint) {
    super(fact)
    this.name = 'BootstrapError'
    this.hint = hint
  }
}
