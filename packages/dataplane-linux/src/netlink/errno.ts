import { constants } from 'node:os'

/** Numbers with two names in libc; the kernel's source uses these. */
const KERNEL_NAMES = ['EAGAIN', 'EDEADLK', 'EOPNOTSUPP'] as const

/** Errors of the kernel that libc has no name for, include/linux/errno.h. */
const INTERNAL = new Map([
  [512, 'ERESTARTSYS'],
  [524, 'ENOTSUPP'],
])

let names: Map<number, string> | undefined

/** `ENODEV` for 19, `errno 4711` for a number without a name. */
export function errnoName(number: number): string {
  if (names === undefined) {
    names = new Map(INTERNAL)
    for (const [name, value] of Object.entries(constants.errno)) names.set(value, name)
    for (const name of KERNEL_NAMES) names.set(constants.errno[name], name)
  }
  return names.get(number) ?? `errno ${number}`
}
