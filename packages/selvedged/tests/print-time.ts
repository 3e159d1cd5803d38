/** Times belong to what these tests show; they are printed, and only bounded generously. */
export function printTime(what: string, milliseconds: number): void {
  process.stdout.write(`    ${what.padEnd(64)} ${milliseconds.toFixed(0).padStart(6)} ms\n`)
}
