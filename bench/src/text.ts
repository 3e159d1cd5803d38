/** How measurements are printed. */

export const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
export const ratio = (one: number, other: number): string => (one / other).toFixed(2)

/** Shows what is being measured, on a terminal alone; `undefined` wipes it away. */
export function showProgress(text: string | undefined): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\x1b[K${text === undefined ? '' : `${text} …`}`)
}
