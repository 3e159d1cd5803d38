/** Words for numbers and times. */

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
]

/** The largest unit alone: `3 min`. */
export function durationText(ms: number): string {
  const [size, unit] = UNITS.find(([size]) => ms >= size) ?? [1_000, 's']
  return `${Math.floor(Math.max(0, ms) / size)} ${unit}`
}

export function agoText(at: number, now: number): string {
  return now - at < 1_000 ? 'now' : `${durationText(now - at)} ago`
}

/** Local time, `13:05:09`; with the date before it, if it is another day's. */
export function clockText(at: number, now: number): string {
  const time = new Date(at)
  const two = (number: number) => String(number).padStart(2, '0')
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')
  if (time.toDateString() === new Date(now).toDateString()) return clock
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`
}

export function msText(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`
}

/** A loss that is there is never shown as none. */
export function lossText(share: number): string {
  if (share > 0 && share < 0.01) return '<1 %'
  return `${Math.round(share * 100)} %`
}

/** `15,000`. */
export const numberText = (count: number): string => count.toLocaleString('en')

export function countText(count: number, one: string, many: string): string {
  return `${numberText(count)} ${count === 1 ? one : many}`
}
