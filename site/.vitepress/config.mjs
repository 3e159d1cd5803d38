import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const site = JSON.parse(process.env.SELVEDGE_SITE ?? '{}')

/** The anchors of GitHub's pages, which the documents use. */
const githubSlug = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-')

/**
 * All words of a query must be there, and a short one is not taken for another: `lost` is not `host`. VitePress copies these
 * functions into the page as text, so that they may use nothing around them.
 */
const miniSearch = {
  searchOptions: {
    combineWith: 'AND',
    fuzzy: (word) => (word.length > 5 ? 0.15 : false),
    // What is written to be read comes before the reference of the types.
    boostDocument: (id) => (id.includes('/api/') ? 0.5 : 1),
  },
}

export default defineConfig({
  title: 'selvedge',
  description: 'An overlay network that a program can embed, compatible with flannel',
  lang: 'en',
  base: site.base,
  srcDir: '.cache/pages',
  cacheDir: '.cache/vitepress',
  lastUpdated: false,
  metaChunk: true,
  head: [['link', { rel: 'icon', href: `${site.base}logo.svg`, type: 'image/svg+xml' }]],
  vite: {
    publicDir: fileURLToPath(new URL('../.cache/public', import.meta.url)),
    define: { __SELVEDGE_SITE__: JSON.stringify({ tag: site.tag, root: site.root }) },
    build: { chunkSizeWarningLimit: 4_000 },
  },
  markdown: { anchor: { slugify: githubSlug }, theme: { light: 'github-light', dark: 'github-dark' } },
  themeConfig: {
    logo: '/logo.svg',
    nav: [
      { text: 'Guides', link: '/guides/', activeMatch: '^/guides/' },
      { text: 'Reference', link: '/selvedge' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar: site.sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local', options: { miniSearch } },
    socialLinks: [{ icon: 'github', link: site.repository ?? '' }],
    externalLinkIcon: true,
    footer: { message: 'Apache-2.0' },
  },
})
