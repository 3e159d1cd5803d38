/** `0.4 ms`, `12 ms`; `-` for what is not known. */
export function rttText(rttMs: number | undefined): string {
  if (rttMs === undefined) return '-'
  return rttMs < 10 ? `${rttMs.toFixed(1)} ms` : `${Math.round(rttMs)} ms`
}

/** @param loss of all packets, 0 to 1; `-` if it is not known */
export const lossText = (loss: number | undefined): string =>
  loss === undefined ? '-' : `${Math.round(loss * 100)} %`
