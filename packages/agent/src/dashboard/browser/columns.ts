/** Charts of columns. */

export interface ChartColumn {
  readonly x: number
  readonly width: number
  readonly y: number
  readonly height: number
  readonly isBad: boolean
  readonly title: string
}

export interface Measured {
  readonly value: number
  readonly isBad?: boolean
  readonly title: string
}

export const CHART = { width: 560, height: 64 } as const

/** One column for each, the last one at the right, room for `slots`; a value that is there is never invisible. */
export function chartColumns(values: readonly Measured[], slots: number): readonly ChartColumn[] {
  const most = Math.max(...values.map(({ value }) => value), 0)
  const step = CHART.width / slots
  const shown = values.slice(-slots)
  return shown.map(({ value, isBad = false, title }, index) => {
    const height = value <= 0 || most === 0 ? 0 : Math.max(3, (value / most) * CHART.height)
    return {
      x: (slots - shown.length + index) * step + 1,
      width: step - 2,
      y: CHART.height - height,
      height,
      isBad,
      title,
    }
  })
}

const MINUTE_MS = 60_000

/** A count for each of the last minutes, the oldest first. */
export function byMinute(
  counted: readonly { readonly at: number; readonly count: number }[],
  now: number,
  minutes: number,
): readonly number[] {
  const latest = Math.floor(now / MINUTE_MS)
  const counts = new Array<number>(minutes).fill(0)
  for (const { at, count } of counted) {
    const index = minutes - 1 - (latest - Math.floor(at / MINUTE_MS))
    if (index >= 0 && index < minutes) counts[index] = (counts[index] ?? 0) + count
  }
  return counts
}
