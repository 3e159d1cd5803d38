import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AtomicWriteFs, writeFileAtomically } from './atomic-write.js'

let folder = ''
let path = ''

beforeEach(async () => {
  folder = await nodeFs.mkdtemp(join(tmpdir(), 'selvedge-atomic-write-'))
  path = join(folder, 'file')
})
afterEach(() => nodeFs.rm(folder, { recursive: true, force: true }))

const write = (text: string, fs?: AtomicWriteFs) => writeFileAtomically(path, [text], { mode: 0o644, fs })
const read = () => nodeFs.readFile(path, 'utf8')

async function withUmask(mask: number, work: () => Promise<void>): Promise<void> {
  const before = process.umask(mask)
  try {
    await work()
  } finally {
    process.umask(before)
  }
}

describe('a file that is written', () => {
  it.each([0o077, 0o022, 0])(
    'has its mode, and folders that only their owner can write to, whatever the umask: %o',
    async (mask) => {
      path = join(folder, 'run', 'flannel', 'file')
      await withUmask(mask, () => write('a'))
      expect((await nodeFs.stat(path)).mode & 0o777).toBe(0o644)
      for (const made of ['run', 'run/flannel']) {
        expect((await nodeFs.stat(join(folder, made))).mode & 0o022).toBe(0)
      }
      expect(await nodeFs.readdir(join(folder, 'run', 'flannel'))).toEqual(['file'])
    },
  )

  it('is replaced whole: a reader that has the old one open keeps the old text', async () => {
    await write('old')
    const reader = await nodeFs.open(path)
    await write('new')
    expect(await reader.readFile('utf8')).toBe('old')
    await reader.close()
    expect(await read()).toBe('new')
  })

  it('is written by one call after the other, in their order', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(100))
    await Promise.all(texts.map((text) => write(text)))
    expect(await read()).toBe(texts.at(-1))
    expect(await nodeFs.readdir(folder)).toEqual(['file'])
  })

  it('is written after a call that failed', async () => {
    const failed = write('a', failing('sync'))
    await Promise.all([expect(failed).rejects.toThrow(), write('b')])
    expect(await read()).toBe('b')
  })

  it('leaves nothing of what a killed process left beside it', async () => {
    await nodeFs.writeFile(`${path}.tmp`, 'half')
    await write('whole')
    expect(await read()).toBe('whole')
    expect(await nodeFs.readdir(folder)).toEqual(['file'])
  })

  it('does not follow a link that stands where it is prepared', async () => {
    const target = join(folder, 'target')
    await nodeFs.writeFile(target, 'untouched')
    await nodeFs.symlink(target, `${path}.tmp`)
    await write('a')
    expect(await nodeFs.readFile(target, 'utf8')).toBe('untouched')
    expect((await nodeFs.lstat(path)).isFile()).toBe(true)
  })

  it('is not put in place if another process has begun to write it too', async () => {
    await write('old')
    const meddled: AtomicWriteFs = {
      ...nodeFs,
      stat: async (temporary) => {
        await nodeFs.rm(temporary)
        await nodeFs.writeFile(temporary, 'half of ano')
        return nodeFs.stat(temporary)
      },
    }
    await expect(write('new', meddled)).rejects.toThrow(`another process writes ${path} as well`)
    expect(await read()).toBe('old')
  })

  it('is flushed to disk before it takes the old one’s place', async () => {
    const steps: string[] = []
    await write('a', {
      ...nodeFs,
      open: async (...args) => {
        const file = await nodeFs.open(...args)
        for (const step of ['writeFile', 'sync', 'close'] as const) {
          const original = file[step].bind(file) as (...rest: unknown[]) => Promise<void>
          file[step] = async (...rest: unknown[]) => {
            steps.push(step)
            await original(...rest)
          }
        }
        return file
      },
      rename: async (from, to) => {
        steps.push('rename')
        await nodeFs.rename(from, to)
      },
    })
    expect(steps).toEqual(['writeFile', 'sync', 'close', 'rename'])
  })
})

describe('a file that cannot be written', () => {
  it.each<Step>(['open', 'chmod', 'writeFile', 'sync', 'close', 'rename'])(
    'stays as it was if %s fails, and nothing is left beside it',
    async (step) => {
      await write('old')
      await expect(write('new', failing(step))).rejects.toThrow(`no space left on device, ${step}`)
      expect(await read()).toBe('old')
      expect(await nodeFs.readdir(folder)).toEqual(['file'])
    },
  )

  it('reports the first failure, though cleaning up fails too', async () => {
    await expect(write('a', failing('sync', { rm: true }))).rejects.toThrow('device, sync')
  })
})

type Step = 'open' | 'chmod' | 'writeFile' | 'sync' | 'close' | 'rename'

/** The file system, but for one step that fails as on a full disk. */
function failing(step: Step, also: { readonly rm?: boolean } = {}): AtomicWriteFs {
  const full = (name: string) => async (): Promise<never> => {
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC' })
  }
  const open: AtomicWriteFs['open'] = async (...args) => {
    const file = await nodeFs.open(...args)
    if (step === 'close') {
      const close = file.close.bind(file)
      file.close = async () => {
        await close()
        await full('close')()
      }
    } else if (step !== 'open' && step !== 'rename') {
      file[step] = full(step)
    }
    return file
  }
  return {
    ...nodeFs,
    open: step === 'open' ? full('open') : open,
    ...(step === 'rename' && { rename: full('rename') }),
    ...(also.rm && { rm: full('rm') }),
  }
}
