import type { Program } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'

/** A name from /proc is another program's choice. */
export const programText = ({ pid, name }: Program): string =>
  name === undefined ? `process ${pid} (ended)` : `${printable(name)} (process ${pid})`
