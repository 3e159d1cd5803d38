/** Packets, and their bytes. */
export interface PacketCount {
  /** Since the driver was made. */
  readonly packets: number
  /** Of these packets, as IP packets: without what carries them. */
  readonly bytes: number
}

/**
 * What a driver has carried that moves packets itself: each count since the driver was made, and so from 0 with each
 * start of an overlay. Packets that the kernel moves are counted by the kernel alone.
 */
export interface Traffic {
  /** To peers. */
  readonly sent: PacketCount
  /** From peers. */
  readonly received: PacketCount
  /** Packets that went no further, by the reason, such as `no_route`: in lower case, its words joined by underscores. */
  readonly dropped: Readonly<Record<string, number>>
}

/** The traffic of one driver of an overlay. */
export interface DriverTraffic extends Traffic {
  /** The driver's name, such as `udp`. */
  readonly driver: string
}
