import { constants } from 'node:os'

/** Numbers that have two names in libc; the kernel's own source uses these. */
const KERNEL_NAMES = ['EAGAIN', 'EDEADLK', 'EOPNOTSUPP'] as const

/** Answers of the kernel that libc has no name for, include/linux/errno.h. */
const INTERNAL = new Map([
  [512, 'ERESTARTSYS'],
  [524, 'ENOTSUPP'],
])

let names: Map<number, string> | undefined

/** `ENODEV` for 19. A number without a name comes back as `errno 4711`. */
export function errnoName(number: number): string {
  if (names === undefined) {
    names = new Map(INTERNAL)
    for (const [name, value] of Object.entries(constants.errno)) names.set(value, name)
    for (const name of KERNEL_NAMES) names.set(constants.errno[name], name)
  }
  return names.get(number) ?? `errno ${number}`
}
