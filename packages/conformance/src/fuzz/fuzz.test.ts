import { describe, expect, it } from 'vitest'
import { fuzz, hostileJson, hostileText, seededRandom } from './index.js'

const record = { PublicIP: '192.0.2.1', BackendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' } }

function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const character of text) {
    if ('[{'.includes(character)) deepest = Math.max(deepest, ++depth)
    if (']}'.includes(character)) depth -= 1
  }
  return deepest
}

describe('hostileJson', () => {
  const inputs = Array.from({ length: 5_000 }, (_, seed) => hostileJson([record])(seededRandom(seed)))

  it('draws the same for the same seed', () => {
    expect(hostileJson([record])(seededRandom(7))).toBe(inputs[7])
  })

  it('goes deep, and long, and on both sides of the limits that readers have', () => {
    const depths = inputs.map(depthOf)
    const lengths = inputs.map(({ length }) => length)
    expect(Math.max(...depths)).toBeGreaterThanOrEqual(49_000)
    expect(Math.max(...lengths)).toBeGreaterThanOrEqual(500_000)
    expect(depths).toContain(32)
    expect(depths).toContain(33)
    expect(lengths.some((length) => length > 60_000 && length <= 65_536)).toBe(true)
    expect(lengths.some((length) => length > 65_536 && length < 70_000)).toBe(true)
  })

  it('keeps to the limits that it is given', () => {
    const small = Array.from({ length: 2_000 }, (_, seed) =>
      hostileJson([record], { maxLength: 2_000, maxDepth: 50 })(seededRandom(seed)),
    )
    expect(Math.max(...small.map(depthOf))).toBeLessThan(60)
    expect(Math.max(...small.map(({ length }) => length))).toBeLessThan(30_000)
  })

  it('draws JSON and what is none, keys given twice, and what pollutes prototypes', () => {
    const valid = inputs.filter((text) => {
      try {
        return JSON.parse(text) !== undefined
      } catch {
        return false
      }
    })
    expect(valid.length).toBeGreaterThan(2_000)
    expect(valid.length).toBeLessThan(4_500)
    expect(inputs.some((text) => text.split('"BackendData":').length > 2)).toBe(true)
    expect(inputs.some((text) => text.includes('"__proto__"'))).toBe(true)
  })
})

describe('fuzz', () => {
  const options = { count: 500, seed: 1, input: hostileText(['FLANNEL_MTU=1450\n']) }

  it('reports how much it tried', async () => {
    const report = await fuzz({ ...options, check: () => {} })
    expect(report).toMatchObject({ count: 500, seed: 1 })
    expect(report.characters).toBeGreaterThan(5_000)
  })

  it('names the seed of the one input that fails, and the input', async () => {
    const check = (text: string) => {
      if (text.includes('\u001b')) throw new RangeError('an escape sequence')
    }
    const error = await fuzz({ ...options, check }).catch((reason: Error) => reason)
    const message = String(error)
    expect(message).toMatch(
      /RangeError: an escape sequence; for the input of seed \d+, \d+ characters: ".*u001b/,
    )
    const seed = Number(/seed (\d+)/.exec(message)?.[1])
    await expect(fuzz({ ...options, count: 1, seed, check })).rejects.toThrow(`seed ${seed}`)
  })

  it('waits for a parser that reads as its input arrives', async () => {
    const check = async (text: string) => {
      await null
      if (text.includes('\u001b')) throw new RangeError('an escape sequence')
    }
    await expect(fuzz({ ...options, check })).rejects.toThrow('RangeError: an escape sequence')
  })

  it('finds a parser that takes too long, and one that changes Object.prototype', async () => {
    const slow = (text: string) => {
      const start = process.cpuUsage()
      const endUs = text.length > 60 ? 20_000 : 0
      while (process.cpuUsage(start).user < endUs);
    }
    await expect(fuzz({ ...options, check: slow, maxMs: 10 })).rejects.toThrow(/took \d+ ms, and may take 10/)
    const polluting = (text: string) => {
      if (text.length > 20) Object.assign(Object.prototype, { polluted: true })
    }
    await expect(fuzz({ ...options, check: polluting })).rejects.toThrow('it changed Object.prototype')
    Reflect.deleteProperty(Object.prototype, 'polluted')
  })
})
