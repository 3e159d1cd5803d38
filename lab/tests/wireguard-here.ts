import { hasKernelWireguard } from '../src/index.js'

export const HAS_KERNEL_WIREGUARD = hasKernelWireguard()

/** What the agents choose by themselves here. */
export const CHOSEN = HAS_KERNEL_WIREGUARD ? 'kernel' : 'userspace'

/** For names of tests. */
export const BY =
  CHOSEN === 'kernel' ? "by the kernel's WireGuard" : 'by wireguard-go: this kernel has no WireGuard'
