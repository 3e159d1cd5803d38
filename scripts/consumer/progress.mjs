/** What has passed and what has failed so far: a line for each on standard output, and a counter on a terminal. */
export class Progress {
  #passed = 0
  #failures = []
  #expected = 0

  /** Some more are to come. */
  expect(count) {
    this.#expected += count
  }

  /**
   * Runs one check, which gives an object of what went wrong (`failed`, `output`) and what to remark on (`remark`).
   */
  async check(name, work) {
    this.#showCounter(name)
    const start = performance.now()
    const { failed, output = '', remark } = await work()
    const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`.padStart(6)
    this.#clearCounter()
    const end = remark === undefined ? '' : `: ${remark}`
    process.stdout.write(`${failed ? 'FAILED' : 'ok    '} ${seconds}  ${name}${end}\n`)
    if (!failed) this.#passed += 1
    else {
      this.#failures.push(name)
      process.stdout.write(`${output.replace(/^/gm, '          ')}\n`)
    }
  }

  /** Says how it went; gives the exit status. */
  report() {
    process.stdout.write(`\n${this.#passed} passed, ${this.#failures.length} failed\n`)
    for (const name of this.#failures) process.stdout.write(`  failed: ${name}\n`)
    return this.#failures.length === 0 ? 0 : 1
  }

  #showCounter(name) {
    if (!process.stdout.isTTY) return
    const done = this.#passed + this.#failures.length
    process.stdout.write(`\r\x1b[K[${done}/${this.#expected}] ${name}`)
  }

  #clearCounter() {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
  }
}
