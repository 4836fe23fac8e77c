export { Palette } from "./palette.js";
