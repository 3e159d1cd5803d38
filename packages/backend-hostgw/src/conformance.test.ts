import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { hostGw } from './index.js'

backendSuite({ describe, it }, { setup: () => hostGw() })
