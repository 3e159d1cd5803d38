import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** A network namespace of a test's own, with loopback up. */
export class TestNamespace implements Disposable {
  readonly name: string
  readonly path: string

  constructor() {
    this.name = `slv-${randomBytes(4).toString('hex')}`
    this.path = `/run/netns/${this.name}`
    run('ip', ['netns', 'add', this.name])
    this.ip('link set lo up')
  }

  /** Runs `ip -n <this> <line>` and returns what it prints. */
  ip(line: string): string {
    return run('ip', ['-n', this.name, ...line.split(' ')])
  }

  /** The same with `-j`, parsed. */
  ipJson(line: string): Record<string, unknown>[] {
    return parse(run('ip', ['-n', this.name, '-j', '-d', ...line.split(' ')]))
  }

  /** `ip -batch`, with the lines on its standard input. */
  ipBatch(lines: readonly string[]): void {
    run('ip', ['-n', this.name, '-batch', '-'], lines.join('\n'))
  }

  bridge(line: string): string {
    return run('bridge', ['-n', this.name, ...line.split(' ')])
  }

  bridgeJson(line: string): Record<string, unknown>[] {
    return parse(run('bridge', ['-n', this.name, '-j', ...line.split(' ')]))
  }

  /** Runs a program inside. */
  exec(...command: readonly string[]): string {
    return run('ip', ['netns', 'exec', this.name, ...command])
  }

  [Symbol.dispose](): void {
    run('ip', ['netns', 'del', this.name])
  }
}

const run = (program: string, args: readonly string[], input = ''): string =>
  execFileSync(program, args, {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  })

/** Some dumps print nothing at all where there is nothing. */
const parse = (text: string): Record<string, unknown>[] => (text.trim() === '' ? [] : JSON.parse(text))

/** Waits until `check` holds, at most `limit` ms, and tells what it was waiting for when it does not. */
export async function until(what: string, check: () => boolean, limit = 5_000): Promise<void> {
  const deadline = performance.now() + limit
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`waited ${limit} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
