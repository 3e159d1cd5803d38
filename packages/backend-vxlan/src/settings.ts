import type { NetworkConfig } from '@selvedge/core'
import {
  backendSection,
  booleanField,
  enabledFamilies,
  type FamilyParts,
  integerField,
  invalidField,
} from '@selvedge/core/kit'

/** Each overrides the key of the network config's Backend section that it is named after. */
export interface VxlanOptions {
  /**
   * `VNI`: the VXLAN Network Identifier, the same on every node. 0 to 9999999; 0 to 9999 if IPv6 is on; default 1. A VNI has
   * 24 bits (RFC 7348), but it is part of the device's name, and an interface name has at most 15 bytes (IFNAMSIZ):
   * `flannel.9999999`, `flannel-v6.9999`.
   */
  readonly vni?: number | undefined
  /**
   * `Port`: the UDP port that outer packets go to, the same on every node. 1 to 65535; 0 or absent: 8472 (the default
   * of the Linux kernel and of flannel; IANA's is 4789).
   */
  readonly port?: number | undefined
  /**
   * `MTU`: the largest outer packet to send, in bytes, if the path is narrower than the external interface; pods get
   * this minus the overhead. 118 to 65535 (68 for IPv4 and 50 for VXLAN; 1350 if IPv6 is on); 0 or absent: the external
   * interface's MTU.
   */
  readonly mtu?: number | undefined
  /** `GBP`: the Group Based Policy extension, the same on every node. Default: off. */
  readonly gbp?: boolean | undefined
  /** `Learning`: whether the kernel learns MACs from traffic. Default: off, since leases say where every MAC is. */
  readonly learning?: boolean | undefined
  /**
   * `DirectRouting`: a plain route, without VXLAN, to each peer whose public address is on the external interface's
   * own network. Default: off.
   */
  readonly directRouting?: boolean | undefined
}

/** The settings in force on this node, with every default filled in. */
export interface VxlanSettings {
  readonly vni: number
  readonly port: number
  /** Undefined: the external interface's own. */
  readonly mtu: number | undefined
  readonly gbp: boolean
  readonly learning: boolean
  readonly directRouting: boolean
}

const DEFAULT_VNI = 1
/** drivers/net/vxlan/vxlan_core.c, the module parameter `udp_port`. */
const DEFAULT_PORT = 8472
/** IFNAMSIZ minus the terminating zero byte (include/uapi/linux/if.h). */
const MAX_NAME_LENGTH = 15

/** With a longer one, the name of IPv4's device, `flannel.<VNI>`, would be too long. */
const MAX_VNI = 9_999_999
const VNI_RULE = `must be a whole number from 0 to ${MAX_VNI}: the device's name, flannel.VNI, has at most ${MAX_NAME_LENGTH} bytes`

/** None has a fallback here, so that an option can be told apart from a default. */
export const SECTION = backendSection('vxlan', {
  VNI: { ...integerField(0, MAX_VNI, undefined), rule: VNI_RULE },
  Port: integerField(0, 65535, undefined),
  MTU: integerField(0, 65535, undefined),
  GBP: booleanField(undefined),
  Learning: booleanField(undefined),
  DirectRouting: booleanField(undefined),
})

export type Given = ReturnType<typeof SECTION.read>

/** The settings of a network: the options, else the config's Backend section, else the defaults. */
export function readSettings(config: NetworkConfig, options: Given): VxlanSettings {
  const section = SECTION.read(config)
  const vni = options.VNI ?? section.VNI ?? DEFAULT_VNI
  for (const parts of enabledFamilies(config)) {
    const name = deviceName(parts, vni)
    if (name.length > MAX_NAME_LENGTH) {
      const rule = `must be smaller: the device's name, ${name}, would be longer than the ${MAX_NAME_LENGTH} bytes that Linux allows`
      throw invalidField('VNI', vni, rule, SECTION.where)
    }
  }
  return {
    vni,
    port: (options.Port ?? section.Port) || DEFAULT_PORT,
    mtu: (options.MTU ?? section.MTU) || undefined,
    gbp: options.GBP ?? section.GBP ?? false,
    learning: options.Learning ?? section.Learning ?? false,
    directRouting: options.DirectRouting ?? section.DirectRouting ?? false,
  }
}

/** `flannel.1`, and for IPv6 `flannel-v6.1`: flannel's names. */
export function deviceName({ family }: FamilyParts, vni: number): string {
  return family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`
}
