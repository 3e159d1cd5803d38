#!/usr/bin/env node
import { createRequire } from 'node:module'
import { load } from './loader.mjs'

// Which of the bundle's files is the first, its package.json says.
load(createRequire(import.meta.url).resolve('./'))
