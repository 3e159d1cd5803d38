import { execFile } from 'node:child_process'
import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { argOf, type Dockerfile, expand, type Instruction, type Stage } from './dockerfile.js'

const run = promisify(execFile)

export interface PlainBuildOptions {
  /** In which each stage gets a folder. */
  readonly folder: string
  /** The checkout. */
  readonly context: string
  /** Folders that stand for the images that stages begin with. */
  readonly images: Readonly<Record<string, string>>
  /** The build's arguments, and those that BuildKit sets. */
  readonly args: Readonly<Record<string, string>>
}

/**
 * Carries out a Dockerfile without a container: each stage is a folder, COPY copies between them, and RUN runs its command
 * here, in the folder that is the stage's working directory. So a RUN may name no absolute path of its stage's.
 *
 * @returns the last stage's folder
 */
export async function buildPlainly(dockerfile: Dockerfile, options: PlainBuildOptions): Promise<string> {
  const globals = declare(dockerfile.globals, {}, options.args)
  const folders = new Map<string, string>()
  let last = ''
  for (const [index, stage] of dockerfile.stages.entries()) {
    last = join(options.folder, stage.name ?? `stage-${index}`)
    await mkdir(last, { recursive: true })
    await begin(stage, expand(stage.image, globals), last, options)
    await carryOut(stage, last, { folders, globals, ...options })
    folders.set(stage.name ?? String(index), last)
  }
  return last
}

async function begin(
  stage: Stage,
  image: string,
  root: string,
  { images }: PlainBuildOptions,
): Promise<void> {
  if (image === 'scratch') return
  const standIn = images[image]
  if (standIn === undefined) throw new Error(`nothing stands for the image ${image} of ${stage.name}`)
  await run('cp', ['-a', `${standIn}/.`, root])
}

interface Building extends PlainBuildOptions {
  readonly folders: ReadonlyMap<string, string>
  readonly globals: Readonly<Record<string, string>>
}

async function carryOut(stage: Stage, root: string, building: Building): Promise<void> {
  let workdir = '/'
  let values: Record<string, string> = {}
  for (const instruction of stage.instructions) {
    const { name, text, line } = instruction
    if (name === 'ARG') values = { ...values, ...declare([instruction], building.globals, building.args) }
    else if (name === 'WORKDIR') {
      workdir = text
      await mkdir(join(root, workdir), { recursive: true })
    } else if (name === 'COPY') await copy(instruction, root, workdir, building)
    else if (name === 'RUN') await runHere(text, join(root, workdir), values)
    else if (name !== 'ENTRYPOINT') throw new Error(`line ${line}: ${name} is not known here`)
  }
}

function declare(
  args: readonly Instruction[],
  defaults: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = args
    .map(argOf)
    .map(({ name, value }) => [name, given[name] ?? value ?? defaults[name] ?? ''])
  return Object.fromEntries(entries)
}

async function copy(
  { flags, text, line }: Instruction,
  root: string,
  workdir: string,
  { folders, context }: Building,
): Promise<void> {
  const from = flags.from === undefined ? context : folders.get(flags.from)
  if (from === undefined) throw new Error(`line ${line}: there is no stage ${flags.from} before it`)
  const paths = text.split(/\s+/)
  const target = paths.at(-1) ?? ''
  const absolute = join(root, target.startsWith('/') ? target : join(workdir, target))
  const isFolder = target.endsWith('/') || paths.length > 2
  for (const path of paths.slice(0, -1)) {
    const source = join(from, path)
    if ((await stat(source)).isDirectory()) {
      await mkdir(absolute, { recursive: true })
      // A folder's content, as Docker copies it; links stay links.
      await run('cp', ['-a', `${source}/.`, absolute])
    } else {
      const file = isFolder ? join(absolute, basename(path)) : absolute
      await mkdir(dirname(file), { recursive: true })
      await run('cp', ['-p', source, file])
    }
  }
}

async function runHere(command: string, cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  const timeout = 120_000
  await run('sh', ['-c', command], { cwd, env: { ...process.env, ...env }, timeout }).catch((error) => {
    throw new Error(`RUN ${command}: ${error.message}\n${error.stdout}`, { cause: error })
  })
}
