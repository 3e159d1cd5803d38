import { getSystemErrorMap } from 'node:util'

/** A call that the kernel refused, in a form that reaches another thread. */
export class SystemError extends Error {
  /** Such as `EBUSY`. */
  readonly errno: string

  /** @param attempted what was attempted, and on what */
  constructor(attempted: string, number: number, explanation?: string) {
    const [name = `errno ${number}`, text = ''] = getSystemErrorMap().get(-number) ?? []
    super(`${attempted}: ${explanation ?? text} (${name})`)
    this.errno = name
  }
}
