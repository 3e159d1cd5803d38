import type { EtcdClient } from '@selvedge/store-etcd'
import { Etcd3 } from 'etcd3'

/** What happens to one request: `lost` never runs; `unanswered` runs, and its answer is lost. */
export type Fate = 'answered' | 'lost' | 'unanswered'

/** An etcd3 client that counts its requests, and loses some. */
export class FaultyClient implements EtcdClient {
  /** Every request, by its method, in order. */
  readonly requests: string[] = []
  readonly kv: EtcdClient['kv']
  readonly leaseClient: EtcdClient['leaseClient']
  readonly watchClient: EtcdClient['watchClient']
  readonly #etcd: Etcd3
  #breaksWatches = false

  /** @param fate decides about request number `index` (from 0) of method `method` */
  constructor(
    endpoint: string,
    fate: (method: string, index: number) => Fate | Promise<Fate> = () => 'answered',
  ) {
    const etcd = new Etcd3({ hosts: endpoint })
    const send = async <T>(method: string, request: () => Promise<T>): Promise<T> => {
      const index = this.requests.filter((name) => name === method).length
      this.requests.push(method)
      const decided = await fate(method, index)
      if (decided === 'lost') throw new Error('14 UNAVAILABLE: lost on the way')
      const answer = await request()
      if (decided === 'unanswered') throw new Error('14 UNAVAILABLE: the answer was lost')
      return answer
    }
    this.#etcd = etcd
    this.kv = {
      range: (request, options) => send('range', () => etcd.kv.range(request, options)),
      txn: (request, options) => send('txn', () => etcd.kv.txn(request, options)),
    }
    this.leaseClient = {
      leaseGrant: (request, options) => send('grant', () => etcd.leaseClient.leaseGrant(request, options)),
      leaseRevoke: (request, options) => send('revoke', () => etcd.leaseClient.leaseRevoke(request, options)),
      leaseKeepAlive: () => send('keepAlive', () => etcd.leaseClient.leaseKeepAlive()),
    }
    this.watchClient = {
      watch: () =>
        send('watch', async () => {
          const stream = await etcd.watchClient.watch()
          if (this.#breaksWatches) stream.on('data', () => stream.cancel())
          return stream
        }),
    }
  }

  /** From now on every watch ends with its first reply. */
  breakWatches(): void {
    this.#breaksWatches = true
  }

  close(): void {
    this.#etcd.close()
  }
}
