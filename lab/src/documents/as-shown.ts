/** What differs from run to run, and is shown by its shape alone. The first that fits a place counts. */
const VARYING: readonly (readonly [name: string, shape: RegExp])[] = [
  ['MAC', /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/],
  ['time', /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/],
  ['clock', /\b\d\d:\d\d:\d\d(?:\.\d+)?\b/],
  ['duration', /(?<![\w.])\d+(?:\.\d+)? ?(?:ms|s|m|h|d)\b(?: \d+ ?[smhd]\b)*/],
  ['pid', /(?<=\[|\bprocess )\d+\b/],
  ['version', /(?<=\/v)\d+\.\d+\.\d+(?:-[\w.]+)?(?=\/)/],
]

/** A line of a block that stands for any lines, and what stands for anything within a line. */
const ELLIPSIS = '…'

export interface AsShownOptions {
  /** What varies besides clocks, times, durations, MACs and process ids. */
  readonly varying?: readonly RegExp[]
}

/**
 * What a program printed, as a block of a document shows it: equal to the block, if the block is right. Lines that the block
 * elides by `…` are elided, and a line that differs only in what varies, or in the width of a column, is the block's. So the
 * difference that `expect(asShown(block, printed)).toBe(block)` reports is the one to correct.
 */
export function asShown(block: string, printed: string, { varying = [] }: AsShownOptions = {}): string {
  const isLike = (have: string | undefined, want: string) =>
    have !== undefined && patternOf(want, varying).test(shapeOf(have, varying))
  const segments = segmentsOf(block)
  const shown: string[] = []
  let rest = linesOf(printed)
  for (const [index, { elision, lines }] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (elision !== undefined) {
      const start = isLast ? rest.length - lines.length : placeOf(lines, rest, isLike)
      rest = rest.slice(Math.max(start, 0))
      shown.push(elision)
    }
    const own = rest.slice(0, isLast ? undefined : lines.length)
    for (const [i, have] of own.entries()) {
      const want = lines[i]
      shown.push(want !== undefined && isLike(have, want) ? want : have)
    }
    rest = rest.slice(own.length)
  }
  return shown.join('\n')
}

interface Segment {
  /** The line that stands for those before it; none before the block's first line. */
  readonly elision: string | undefined
  readonly lines: string[]
}

function segmentsOf(block: string): readonly Segment[] {
  const segments: Segment[] = []
  for (const line of block.split('\n')) {
    const isElision = line.trim() === ELLIPSIS
    if (isElision || segments.length === 0)
      segments.push({ elision: isElision ? line : undefined, lines: [] })
    if (!isElision) segments.at(-1)?.lines.push(line)
  }
  return segments
}

/**
 * Where the lines follow one another; if they do nowhere, where most of them do, and of several such places where the first
 * line has most in common, for the difference to be a small one.
 */
function placeOf(
  wanted: readonly string[],
  lines: readonly string[],
  isLike: (have: string | undefined, want: string) => boolean,
): number {
  const [first = ''] = wanted
  const scores = lines.map((line, at) => {
    const alike = wanted.filter((want, i) => isLike(lines[at + i], want)).length
    return alike + commonStart(line, first) / (first.length + 1)
  })
  return Math.max(scores.indexOf(Math.max(...scores)), 0)
}

function commonStart(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length += 1
  return length
}

const linesOf = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())

function shapeOf(line: string, varying: readonly RegExp[]): string {
  const shapes = [...VARYING, ...varying.map((shape, i) => [`varying ${i}`, shape] as const)]
  return shapes
    .reduce((text, [name, shape]) => text.replaceAll(new RegExp(shape, 'g'), `<${name}>`), line)
    .replaceAll(/ +/g, ' ')
}

function patternOf(line: string, varying: readonly RegExp[]): RegExp {
  const parts = shapeOf(line, varying).split(ELLIPSIS)
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*')}$`)
}
