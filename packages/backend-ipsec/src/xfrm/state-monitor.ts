import { NETLINK_XFRM, NetlinkMonitor } from '@selvedge/dataplane-linux/kit'
import { type StateOptions, XFRM_MSG_DELSA } from './state.js'

/* Source of the numbers: include/uapi/linux/xfrm.h. */

const XFRM_MSG_FLUSHSA = 0x1c
const XFRMNLGRP_SA = 3

/** Calls back whenever xfrm states are deleted: by charon as it replaces keys, or by another program, of which charon learns nothing. */
export class StateMonitor implements Disposable {
  readonly #monitor: NetlinkMonitor

  constructor(onDeleted: () => void, { namespace }: StateOptions = {}) {
    this.#monitor = new NetlinkMonitor({
      namespace,
      protocol: NETLINK_XFRM,
      groups: [XFRMNLGRP_SA],
      onNotification: ({ type }) => {
        if (type === XFRM_MSG_DELSA || type === XFRM_MSG_FLUSHSA) onDeleted()
      },
      onOverrun: onDeleted,
      // States are read every few seconds as well.
      onError: () => this.#monitor.close(),
    })
  }

  [Symbol.dispose](): void {
    this.#monitor.close()
  }
}
