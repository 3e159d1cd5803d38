/** An application outside the workspace that has the tarballs installed, and nothing else of this repository. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runQuietly } from '../terminal.mjs'

/** What a consumer with strict settings has, besides how it resolves modules. */
const COMPILER_OPTIONS = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  allowJs: true,
  checkJs: true,
  rootDir: 'src',
}

export const RESOLUTIONS = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

export class Project {
  /** @param folder an empty one */
  constructor(folder) {
    this.folder = folder
  }

  /** Installs tarballs and what they depend on. */
  async install(tarballs, others = []) {
    await mkdir(join(this.folder, 'src'), { recursive: true })
    const manifest = { name: 'consumer', version: '1.0.0', private: true, type: 'module' }
    await writeFile(join(this.folder, 'package.json'), JSON.stringify(manifest))
    await this.add(...tarballs, ...others)
  }

  add(...specifiers) {
    return runQuietly('npm', ['install', '--no-audit', '--no-fund', ...specifiers], { cwd: this.folder })
  }

  write(file, text) {
    return writeFile(join(this.folder, 'src', file), text)
  }

  /** A file that imports everything that any package exports. */
  async writeImportOfAll() {
    const lines = []
    for (const name of await readdir(join(this.folder, 'node_modules/@selvedge'))) {
      const file = join(this.folder, 'node_modules/@selvedge', name, 'package.json')
      const { exports = {} } = JSON.parse(await readFile(file, 'utf8'))
      for (const subpath of Object.keys(exports).filter((one) => one !== './package.json')) {
        lines.push(`export * as export${lines.length} from '@selvedge/${name}${subpath.slice(1)}'\n`)
      }
    }
    await this.write('all.ts', lines.join(''))
  }

  /**
   * Compiles all of src but `without`, and emits only if it is told where to.
   * @returns what the compiler says; empty if it has no objection
   */
  async compile(typescript, resolution, { emitTo, declaration = false, without = [] } = {}) {
    const config = {
      compilerOptions: {
        ...COMPILER_OPTIONS,
        ...RESOLUTIONS[resolution],
        ...(emitTo === undefined ? { noEmit: true } : { outDir: emitTo, declaration }),
      },
      include: ['src'],
      exclude: without.map((file) => `src/${file}`),
    }
    const file = join(this.folder, 'tsconfig.json')
    await writeFile(file, JSON.stringify(config))
    try {
      await runQuietly(process.execPath, [join(typescript, 'lib/tsc.js'), '-p', file], { cwd: this.folder })
      return ''
    } catch (error) {
      return error.message
    }
  }
}
