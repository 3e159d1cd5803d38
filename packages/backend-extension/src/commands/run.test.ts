import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MAX_OUTPUT_BYTES, runCommand } from './run.js'

const PATH = process.env.PATH ?? ''
const run = (text: string, changes: object = {}) =>
  runCommand({
    subject: '10.5.2.0/24',
    command: { name: 'SubnetAddCommand', text, shell: true },
    environment: { PATH },
    input: '',
    timeoutMs: 10_000,
    ...changes,
  })

test('gives both streams, trimmed, and passes environment and input', async () => {
  const changes = { environment: { PATH, SUBNET: '10.5.2.0/24' }, input: 'aa:bb' }
  expect(
    await run('echo; echo "$SUBNET"; read x; echo "$x" >&2; cat >/dev/null; echo', changes),
  ).toMatchObject({
    text: expect.toSatisfy((text: string) => text.split(/\n+/).toSorted().join() === '10.5.2.0/24,aa:bb'),
    isCut: false,
  })
})

test('without a shell, words are passed as they are', async () => {
  const command = { name: 'SubnetAddCommand', text: 'printf %s| $X ; $(id) "y z"', shell: false }
  expect((await run('', { command, environment: { PATH, X: '$PATH a' } })).text).toBe(
    '$PATH a|;|$(id)|"y|z"|',
  )
})

test('a command sees nothing of the environment that it is not given', async () => {
  expect((await run('env | grep -v -e PWD= -e SHLVL= -e _= -e OLDPWD=')).text).toBe(`PATH=${PATH}`)
})

test.each<[what: string, text: string, shell: boolean, says: string | RegExp, errno?: string]>([
  ['is missing', '/nowhere/tool --token abc', false, 'tool is not found in PATH', 'ENOENT'],
  ['is no program', '/etc/passwd', false, 'passwd cannot be started: EACCES', 'EACCES'],
  ['has a zero byte', 'a\0b', false, 'cannot be started: ERR_INVALID_ARG_VALUE'],
  [
    'fails',
    'echo "token abc"; echo first >&2; echo RTNETLINK answers: File exists >&2; exit 2',
    true,
    /sh exited with status 2: first; RTNETLINK answers: File exists$/,
  ],
  ['fails and says nothing', 'echo token; exit 3', true, /sh exited with status 3$/],
  ['is ended by a signal', 'kill -SEGV $$', true, /sh was ended by SIGSEGV$/],
])('a command that %s is an error without its arguments', async (_what, text, shell, says, errno) => {
  const failure = run('', { command: { name: 'SubnetAddCommand', text, shell } })
  await expect(failure).rejects.toThrow(says)
  await expect(failure).rejects.toThrow('SubnetAddCommand for 10.5.2.0/24 failed: ')
  await expect(failure).rejects.not.toThrow('token')
  await expect(failure).rejects.toMatchObject({
    code: 'DRIVER_REFUSED',
    ...(errno !== undefined && { errno }),
  })
})

const isAlive = (pid: string): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test.each(['takes too long', 'is aborted'])('one that %s is killed with what it started', async (why) => {
  const text = 'trap "" TERM INT; sleep 1000 & echo $! >&2; wait; sleep 1000'
  const ending = new AbortController()
  const changes = why === 'is aborted' ? { signal: ending.signal } : { timeoutMs: 300 }
  const running = run(`echo $$ >&2; ${text}`, { ...changes, timeoutMs: why === 'is aborted' ? 60_000 : 300 })
  if (why === 'is aborted') {
    const reason = new Error('enough')
    ending.abort(reason)
    await expect(running).rejects.toBe(reason)
    return
  }
  const error = await running.then(
    () => undefined,
    (thrown: Error) => thrown,
  )
  expect(error?.message).toMatch(/sh took longer than 0.3 s, and was killed: \d+; \d+$/)
  const pids = error?.message.split(': ').at(-1)?.split('; ') ?? []
  expect(pids).toHaveLength(2)
  for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false)
})

test('one that leaves a process behind is not waited for any longer, and that process lives on', async () => {
  const { text } = await run('sleep 1000 & echo $!')
  expect(isAlive(text)).toBe(true)
  process.kill(Number(text), 'SIGKILL')
})

test('300 MB of output costs neither memory nor the result', async () => {
  const before = process.memoryUsage().rss
  const { text, isCut } = await run('head -c 300000000 /dev/zero | tr "\\0" x', { timeoutMs: 60_000 })
  expect(isCut).toBe(true)
  expect(text).toHaveLength(MAX_OUTPUT_BYTES)
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20)
})

test('of a flood of errors, the end is quoted', async () => {
  const failure = run('head -c 10000000 /dev/zero | tr "\\0" x >&2; echo the end >&2; exit 1')
  await expect(failure).rejects.toThrow(/xthe end$/)
  await expect(failure).rejects.toThrow(expect.toSatisfy(({ message }: Error) => message.length < 600))
})

test('what is no UTF-8 is replaced', async () => {
  expect((await run("printf 'a\\377\\303b'")).text).toBe('a\u{fffd}\u{fffd}b')
})

test('input that is not read, or not to its end, does no harm', async () => {
  const input = 'x'.repeat(5_000_000)
  expect((await run('exec <&-; echo done', { input })).text).toBe('done')
  expect((await run('head -c 1', { input })).text).toBe('x')
  await expect(run('exit 1', { input })).rejects.toThrow('exited with status 1')
})

test('nothing is run once the signal is aborted', async () => {
  const reason = new Error('enough')
  await expect(run('exit 1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
