/** The API reference, as Markdown: a page for each entry point of a package, made of its doc comments. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Application, ReflectionKind } from 'typedoc'

/** Files of a package's src that its `exports` name. */
const ENTRIES = ['index', 'kit', 'flags']

/** Writes the pages to `out`, and returns their names, such as `core` and `core/kit`. */
export async function writeApiPages({ root, out }) {
  const packages = join(root, 'packages')
  const entryPoints = readdirSync(packages)
    .flatMap((name) => ENTRIES.map((entry) => join(packages, name, 'src', `${entry}.ts`)))
    .filter(existsSync)
  const app = await Application.bootstrapWithPlugins({
    entryPoints,
    tsconfig: join(root, 'site/tsconfig.api.json'),
    plugin: ['typedoc-plugin-markdown'],
    out,
    router: 'module',
    readme: 'none',
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    // Types are checked by `npm run lint`.
    skipErrorChecking: true,
    validation: false,
    logLevel: 'Warn',
    useHTMLAnchors: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    hideGroupHeadings: true,
    expandParameters: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    enumMembersFormat: 'table',
    propertyMembersFormat: 'table',
    pageTitleTemplates: {
      index: 'API reference',
      module: ({ name }) => `@selvedge/${name}`,
    },
  })
  app.converter.on('resolveEnd', ({ project }) => {
    for (const module of project.children ?? []) module.name = module.name.replace(/\/src(?=\/|$)/, '')
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter))
      if (parameter.name === '__namedParameters') parameter.name = nameByType(parameter.type)
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('typedoc could not read the packages')
  await app.generateOutputs(project)
  return (project.children ?? []).map(({ name }) => name)
}

/** A parameter that is taken apart has no name: `request` for a `LeaseRequest`. */
function nameByType(type) {
  const [word] = /[A-Z][a-z]+$/.exec(type?.name ?? '') ?? []
  return word?.toLowerCase() ?? 'options'
}
