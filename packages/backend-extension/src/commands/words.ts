/** Variables by name; one that is undefined is not set. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The words of a command that runs without a shell, as flannel has made them since v0.28.2: split on white space, then
 * references to the environment replaced in each. A value is never split again, so that nothing in it can become a
 * further word.
 */
export function wordsOf(text: string, environment: Environment): readonly string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => expand(word, environment))
}

/** `${NAME}`, `${` that nothing closes, a shell's special names of one character, `$NAME`. */
const REFERENCE = /\$(?:\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|([A-Za-z_][A-Za-z0-9_]*))/g

/** As Go's os.Expand: what is not set is empty, and a `$` that begins no name stays. */
function expand(word: string, environment: Environment): string {
  return word.replace(
    REFERENCE,
    (_match, braced?: string, _open?: string, special?: string, name?: string) => {
      const key = braced ?? special ?? name ?? ''
      return Object.hasOwn(environment, key) ? (environment[key] ?? '') : ''
    },
  )
}
