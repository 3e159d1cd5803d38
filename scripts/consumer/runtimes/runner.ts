/** A runner for the suites of @selvedge/conformance on any runtime: Bun's and Deno's own need commands of their own. */

interface Test {
  readonly name: string
  readonly body: () => void | Promise<void>
}

const groups: string[] = []
const tests: Test[] = []

export function describe(name: string, body: () => void): void {
  groups.push(name)
  body()
  groups.pop()
}

export function it(name: string, body: Test['body']): void {
  tests.push({ name: [...groups, name].join(', '), body })
}

/** Runs what was declared, `width` at a time. Prints each failure, and at last how many tests passed; resolves to whether all did. */
export async function run(width: number): Promise<boolean> {
  const waiting = [...tests]
  let failed = 0
  const lane = async () => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      try {
        await test.body()
      } catch (error) {
        failed += 1
        console.log(`FAILED ${test.name}:`, error)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  console.log(`${tests.length - failed} passed, ${failed} failed`)
  return tests.length > 0 && failed === 0
}
