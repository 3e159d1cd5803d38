import { defineComponent, h, onMounted, ref } from 'vue'

const { tag, root } = __SELVEDGE_SITE__

/** Names the version, and leads to others once the list of them is there: it is the server's, so that old pages know of new ones. */
export const VersionPicker = defineComponent(() => {
  const versions = ref([])
  onMounted(async () => {
    if (tag === undefined) return
    const answer = await fetch(`${root}versions.json`).catch(() => undefined)
    if (answer?.ok) versions.value = await answer.json()
  })
  const open = ({ target }) => {
    location.href = `${root}${target.value}/`
  }
  const option = (version) => h('option', { value: version, selected: version === tag }, version)
  return () => {
    if (tag === undefined) return undefined
    const attributes = { class: 'versions', 'aria-label': 'Version' }
    return versions.value.length > 1
      ? h('select', { ...attributes, onChange: open }, versions.value.map(option))
      : h('span', attributes, tag)
  }
})
