/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals. */
  readonly name: string
  /** Such as `from` of `--from=root`. */
  readonly flags: Readonly<Record<string, string>>
  /** What follows the flags, as it is written. */
  readonly text: string
  readonly line: number
}

/** What follows one FROM. */
export interface Stage {
  /** Its name; the last one needs none. */
  readonly name: string | undefined
  /** The image or the stage that it begins with, with its variables. */
  readonly image: string
  readonly instructions: readonly Instruction[]
}

export interface Dockerfile {
  /** The ARGs before the first FROM. */
  readonly globals: readonly Instruction[]
  readonly stages: readonly Stage[]
}

/** Reads what our Dockerfile uses of the language: no heredocs, no directives, no escapes but at the ends of lines. */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Instruction[] = []
  const stages: { name: string | undefined; image: string; instructions: Instruction[] }[] = []
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1)
    if (instruction.name === 'FROM') {
      const [, image = '', name] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.text) ?? []
      if (image === '') throw new Error(`line ${instruction.line}: FROM ${instruction.text}`)
      stages.push({ name, image, instructions: [] })
    } else if (stage !== undefined) stage.instructions.push(instruction)
    else if (instruction.name === 'ARG') globals.push(instruction)
    else throw new Error(`line ${instruction.line}: ${instruction.name} before the first FROM`)
  }
  return { globals, stages }
}

function* instructionsOf(text: string): Generator<Instruction> {
  let pending: { text: string; line: number } | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    if (raw.trim() === '' || raw.startsWith('#')) continue
    const joined = { text: `${pending?.text ?? ''}${raw}`, line: pending?.line ?? index + 1 }
    pending = joined.text.endsWith('\\') ? { ...joined, text: `${joined.text.slice(0, -1)} ` } : undefined
    if (pending === undefined) yield instructionOf(joined)
  }
  if (pending !== undefined) throw new Error(`line ${pending.line} goes on beyond the end of the file`)
}

function instructionOf({ text, line }: { readonly text: string; readonly line: number }): Instruction {
  const [, name = '', rest = ''] = /^([A-Z]+)\s+(.+)$/.exec(text.trim()) ?? []
  if (name === '') throw new Error(`line ${line} is no instruction: ${text}`)
  const flags: Record<string, string> = {}
  let after = rest.trim()
  for (let found = flagOf(after); found !== undefined; found = flagOf(after)) {
    flags[found.name] = found.value
    after = found.rest
  }
  return { name, flags, text: after, line }
}

function flagOf(text: string): { name: string; value: string; rest: string } | undefined {
  const [, name, value = '', rest = ''] = /^--([a-z]+)=(\S+)\s+(.*)$/.exec(text) ?? []
  return name === undefined ? undefined : { name, value, rest }
}

/** The variables that a text uses: `$X` and `${X}`. */
export const variablesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)].map(([, braced, plain]) => braced ?? plain ?? '')

/** Replaces variables; those without a value by nothing, as Docker does. */
export const expand = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, plain) => values[braced ?? plain] ?? '')

/** What an ARG declares. */
export function argOf({ text }: Instruction): { readonly name: string; readonly value: string | undefined } {
  const at = text.indexOf('=')
  return at < 0 ? { name: text, value: undefined } : { name: text.slice(0, at), value: text.slice(at + 1) }
}
