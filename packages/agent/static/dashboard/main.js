// A module that could not be loaded, as when the network has just changed, is not asked for again by the browser itself.
import('./app.js').then(
  ({ start }) => start(),
  () => setTimeout(() => location.reload(), 2_000),
)
