// "Who may import whom", as rules for dependency-cruiser. Each rule is proven by a planted violation in checks/imports.test.ts.
import { entriesOf } from './checks/entries.mjs'

const root = process.cwd()
const tests = '\\.test\\.ts$|^packages/[^/]+/test/'
const area = '^packages/core/src/([^/]+)/'
const escaped = (path) => path.replaceAll('.', '\\.')
const exactly = (...paths) => `^(${paths.map(escaped).join('|')})$`
/** One of these dependencies, wherever it is installed. */
const dependency = (...names) => `(^|/)node_modules/(${names.map(escaped).join('|')})/`
const core = entriesOf(root, 'core')

/** What a handler may call from outside its folder. */
const valuesForHandlers = ['packages/core/src/errors.ts']

const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })
const builtin = { dependencyTypes: ['core'] }

export default {
  forbidden: [
    never('no-cycles', 'A cycle, of types or of values, makes two modules one.', {}, { circular: true }),
    never('resolvable', 'The import leads nowhere.', {}, { couldNotResolve: true, dependencyTypesNot: ['core'] }),
    never(
      'declared-dependency',
      "What a package imports stands in its own package.json's dependencies or peer dependencies.",
      { path: '^packages/[^/]+/src/', pathNot: tests },
      {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        // An optional peer is a development dependency as well, for the tests.
        dependencyTypesNot: ['npm-peer'],
        pathNot: '(^|/)node_modules/@types/',
      },
    ),
    never(
      'events-stay-plain',
      'events.ts imports valibot and define.ts, so that browsers can load the event table alone.',
      { path: '^packages/core/src/[^/]+/events\\.ts$', pathNot: '^packages/core/src/ports/' },
      { pathNot: [exactly('packages/core/src/define.ts'), dependency('valibot')] },
    ),
    never(
      'table-imports-events',
      'protocol.ts is made of the events.ts files.',
      { path: '^packages/core/src/protocol\\.ts$' },
      {
        pathNot: [
          '^packages/core/src/[^/]+/events\\.ts$',
          exactly('packages/core/src/define.ts'),
          dependency('valibot'),
        ],
      },
    ),
    never(
      'table-reaches-no-handler',
      'A handler behind protocol.ts would be in every browser bundle.',
      { path: '^packages/core/src/protocol\\.ts$' },
      { path: '/handlers\\.ts$', reachable: true },
    ),
    never(
      'handlers-get-everything-through-ctx',
      'What handlers.ts calls comes from its own folder, from errors.ts or through ctx.',
      { path: `${area}handlers\\.ts$` },
      { pathNot: ['^packages/core/src/$1/', exactly(...valuesForHandlers)], dependencyTypesNot: ['type-only'] },
    ),
    never(
      'handlers-know-no-adapter',
      'handlers.ts takes types from context.ts, the ports and the protocol; never from another area, an adapter or a library.',
      { path: `${area}handlers\\.ts$` },
      { pathNot: ['^packages/core/src/([^/]+|(ports|tokens)/[^/]+)$', '^packages/core/src/$1/'] },
    ),
    never(
      'areas-stay-apart',
      'An area knows no other area; what two share goes up into core/src.',
      { path: area, pathNot: [tests, '/handlers\\.ts$', '^packages/core/src/(ports|memory|testing|tokens)/'] },
      { path: '^packages/core/src/[^/]+/', pathNot: ['^packages/core/src/(ports|tokens|$1)/'] },
    ),
    never(
      'core-imports-no-builtin',
      'Core runs wherever JavaScript runs.',
      { path: '^packages/core/src/', pathNot: tests },
      builtin,
    ),
    never(
      'core-needs-valibot-and-jose',
      'Core depends on valibot and jose only.',
      { path: '^packages/core/src/', pathNot: tests },
      { pathNot: ['^packages/core/', dependency('valibot', 'jose')], dependencyTypesNot: ['core'] },
    ),
    never(
      'server-without-client-sdk',
      'The server does not know the SDK.',
      { path: '^packages/server/src/', pathNot: tests },
      { path: ['^packages/(client-sdk|cli)/', dependency('@mesh/client-sdk', '@mesh/cli')] },
    ),
    never(
      'sdk-imports-the-protocol-only',
      'The SDK imports @mesh/core/protocol, @mesh/core/errors and valibot; anything else would end up in browser bundles.',
      { path: '^packages/client-sdk/src/', pathNot: tests },
      {
        pathNot: ['^packages/client-sdk/', exactly(core['./protocol'], core['./errors']), dependency('valibot')],
        dependencyTypesNot: ['core'],
      },
    ),
    never(
      'sdk-imports-no-builtin',
      'The SDK runs in browsers; only its /node subpath may need Node.',
      { path: '^packages/client-sdk/src/', pathNot: [tests, '^packages/client-sdk/src/node/'] },
      builtin,
    ),
    never(
      'cli-without-client-sdk',
      'The CLI administers through core and server; only `share` is a peer.',
      { path: '^packages/cli/src/', pathNot: [tests, '/share\\.ts$'] },
      { path: ['^packages/client-sdk/', dependency('@mesh/client-sdk')] },
    ),
    never(
      'suite-knows-the-wire-only',
      'The protocol suite tests servers in any language: it uses WebSocket, JWTs and Node, and nothing of Mesh.',
      { path: '^tools/protocol-suite/', pathNot: tests },
      { pathNot: ['^tools/protocol-suite/', dependency('ws', 'jose', '@types/ws')], dependencyTypesNot: ['core'] },
    ),
    never(
      'other-packages-by-name',
      'Other packages are used through their published entry points: by name, never by a path into their folder.',
      { path: '^(packages/[^/]+|examples/[^/]+|tools)/' },
      { path: '^packages/[^/]+/', pathNot: ['^$1/'], dependencyTypes: ['local'] },
    ),
    never(
      'end-to-end-by-entry-point',
      'End-to-end tests use what users use: the published entry points, by name.',
      { path: '^packages/[^/]+/test/' },
      { path: '^packages/[^/]+/src/', dependencyTypes: ['local'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.types|coverage)/' },
    // Type-only imports count: they are what a reader has to know as well.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@mesh/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
}
