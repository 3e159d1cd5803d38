import DefaultTheme from 'vitepress/theme'
import { h } from 'vue'
import { VersionPicker } from './version-picker.js'
import './style.css'

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, undefined, { 'nav-bar-content-before': () => h(VersionPicker) }),
}
