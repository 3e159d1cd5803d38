import { subnetManagerSuite } from '@selvedge/conformance'
import { leaseKey } from '@selvedge/core'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, it } from 'vitest'
