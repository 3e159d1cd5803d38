import { describe, expect, test } from 'vitest'
import { launcherText, runtimeOf } from './launcher.js'

const kernel = '6.1.0-18-amd64'
const UNUSABLE = expect.objectContaining({ code: 'TARGET_UNUSABLE' })

describe('the launcher', () => {
  test('is started by the loader that the runtime brings, or by Node.js itself', () => {
    const [withLoader] = launcherText('/opt/cni/bin/.selvedge/abc', { hasLoader: true, kernel }).split('\n')
    expect(withLoader).toBe('#!/opt/cni/bin/.selvedge/abc/ld.so /opt/cni/bin/.selvedge/abc/node')
    const [without] = launcherText('/opt/cni/bin/.selvedge/abc', { hasLoader: false, kernel }).split('\n')
    expect(without).toBe('#!/opt/cni/bin/.selvedge/abc/node')
  })

  test('fits where k3s has its plugins, also on a kernel that reads little of a first line', () => {
    const folder = '/var/lib/rancher/k3s/data/cni/.selvedge/0123456789ab'
    expect(() => launcherText(folder, { hasLoader: true, kernel: '4.18.0-553.el8' })).not.toThrow()
  })

  test.each(['4.19.0-27-amd64', '5.0.0'])(
    'is refused on Linux %s where only a newer one reads it',
    (kernel) => {
      const folder = '/var/snap/microk8s/current/opt/cni/bin/.selvedge/0123456789ab'
      expect(() => launcherText(folder, { hasLoader: true, kernel })).toThrow(UNUSABLE)
      for (const newer of ['5.1.0', '6.18.44', '10.0.1']) {
        expect(() => launcherText(folder, { hasLoader: true, kernel: newer })).not.toThrow()
      }
    },
  )

  test.each([
    ['a path too long for the kernel', `/opt/${'x'.repeat(120)}/bin`],
    ['a blank, at which the kernel would divide the line', '/opt/my plugins'],
    ['an end of line', '/opt/cni\nbin'],
  ])('is refused with %s', (_, folder) => {
    expect(() => launcherText(folder, { hasLoader: true, kernel })).toThrow(UNUSABLE)
  })
})

describe('the runtime of a launcher', () => {
  const runtimes = '/opt/cni/bin/.selvedge'
  const launcher = (folder: string) => launcherText(folder, { hasLoader: true, kernel })

  test('is the folder that it names', () => {
    expect(runtimeOf(launcher(`${runtimes}/0123456789ab`), runtimes)).toBe('0123456789ab')
  })

  test.each([
    ['an empty file', ''],
    ['a program', '\x7fELF\x02\x01\x01'],
    ['a script of another kind', '#!/bin/sh\nexec /usr/bin/flannel "$@"\n'],
    ['a launcher elsewhere', launcher('/opt/other/.selvedge/0123456789ab')],
    ['one that leads out of the folder', `require("${runtimes}/../flannel.cjs")\n`],
    ['one of a folder below', launcher(`${runtimes}/a/b`)],
  ])('is none for %s', (_, text) => {
    expect(runtimeOf(text, runtimes)).toBeUndefined()
  })
})
