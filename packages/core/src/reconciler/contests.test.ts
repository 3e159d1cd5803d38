import { describe, expect, it } from 'vitest'
import { Contests, contestError } from './contests.js'

const MOST = () => 1

/** Changes a key again and again, each time `afterMs` after it was restored; returns the waits until it is. */
function waits(contests: Contests, times: number, afterMs: number, from = 0): number[] {
  let now = from
  return Array.from({ length: times }, () => {
    const delayMs = contests.changed(['route a'], now, MOST).get('route a')?.delayMs ?? 0
    now += delayMs + afterMs
    return delayMs
  })
}

const TEN_AT_ONCE = Array.from({ length: 10 }, () => 0)

describe('Contests', () => {
  it('restores ten changes of one key at once, and then later and later, up to 5 s', () => {
    expect(waits(new Contests(), 18, 1)).toEqual([
      ...TEN_AT_ONCE,
      ...[1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000],
    ])
  })

  it('goes on so against a program that waits up to 30 s itself', () => {
    const contests = new Contests()
    waits(contests, 16, 1)
    expect(waits(contests, 3, 30_000, 50_000)).toEqual([5_000, 5_000, 5_000])
  })

  it('never waits for what is changed now and then, or for many keys once each', () => {
    const contests = new Contests()
    expect(waits(contests, 30, 11_000)).toEqual(Array.from({ length: 30 }, () => 0))
    const keys = Array.from({ length: 10_000 }, (_, index) => `route ${index}`)
    expect(contests.changed(keys, 1_000_000, MOST).size).toBe(0)
  })

  it('restores at once again after a calm', () => {
    const contests = new Contests()
    waits(contests, 14, 1)
    expect(waits(contests, 11, 1, 90_000)).toEqual([...TEN_AT_ONCE, 1_000])
  })

  it('restores at one time what is changed together', () => {
    const contests = new Contests()
    const draws = [0.2, 0.9]
    for (let time = 0; time < 10; time += 1) contests.changed(['a', 'b'], time, MOST)
    const answers = contests.changed(['a', 'b'], 10, () => draws.shift() ?? 0)
    expect(answers.get('a')).toEqual(answers.get('b'))
    expect([contests.isWaiting(10), contests.isWaiting(1_010)]).toEqual([true, false])
  })

  it('has each program reported once, one that is unknown only if no other was, and again after a calm', () => {
    const contests = new Contests()
    waits(contests, 11, 1)
    const networkd = { pid: 812, name: 'systemd-network' }
    const reported = [undefined, undefined, networkd, { ...networkd, pid: 813 }, undefined]
    expect(reported.map((by) => contests.isReported(by))).toEqual([false, true, false, true, true])
    contests.changed(['b'], 200_000, MOST)
    expect(contests.isReported(networkd)).toBe(false)
  })
})

describe('contestError', () => {
  it('names the program, one resource, how many more, and what to do', () => {
    expect(contestError(['route a', 'route b'], { pid: 812, name: 'systemd-network' }).message).toBe(
      'another program keeps changing route a and 1 more: systemd-network (process 812). It is restored after 1 to 5 s ' +
        'from now on, instead of at once: end that program, or give each of the two a network and a link of its own',
    )
    expect(contestError(['route a'], undefined).message).toMatch(/^another program keeps changing route a\. /)
  })

  it('says so if it is this process itself', () => {
    const { message } = contestError(['link flannel.1'], { pid: 1, name: 'node', isThisProcess: true })
    expect(message).toMatch(
      /^this process itself keeps changing link flannel\.1\. .*two overlays in one process/,
    )
  })
})
