/** The name among `known` that was probably meant; undefined if none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  // As far as a third of its letters may be wrong, or it is short for the other, as iface is for interface.
  const near = known
    .map((other) => ({ other, distance: distance(wanted, other.toLowerCase()) }))
    .filter(
      ({ other, distance }) =>
        (distance < wanted.length && distance <= Math.max(1, wanted.length / 3)) ||
        isShortFor(wanted, other.toLowerCase()),
    )
  return near.sort((a, b) => a.distance - b.distance)[0]?.other
}

/** How many letters have to be put in, left out or replaced (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1]
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** Whether it has the same first letter, and the others in their order. */
function isShortFor(short: string, long: string): boolean {
  if (short.length < 3 || short[0] !== long[0]) return false
  let at = 0
  for (const letter of long) if (letter === short[at]) at += 1
  return at === short.length
}
