import { execFileSync } from 'node:child_process'

/** An IP tunnel must have an end of its own: one without any is the kernel's fallback device, which is there already. */
const LOCAL_ENDS: Readonly<Record<string, string>> = {
  ipip: '192.0.2.1',
  sit: '192.0.2.1',
  ip6tnl: '2001:db8::1',
}

/** Whether this kernel makes links of a type. Asked of it in a namespace that is gone at once; needs root. */
export function hasLinkType(type: string): boolean {
  const end = LOCAL_ENDS[type]
  const settings = end === undefined ? [] : ['local', end]
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', type, ...settings], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
