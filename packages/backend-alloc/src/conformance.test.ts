import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { alloc } from './index.js'

backendSuite({ describe, it }, { setup: () => alloc() })
