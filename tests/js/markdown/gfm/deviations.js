const WWW = "a bare www. address is not linked: it may not support https";
const MAIL = "which bare email addresses are linked differs";
const URLS = "ftp: is not linked, and where a bare URL ends differs";
const HTML = "HTML is shown as text";
const SINGLE = "a single ~ is not strikethrough: 20~30 is a range";
const NOTES = "a footnote stays where it was written";
const BREAKS = "every line break is kept";
const CELLS = "a cell beyond the header's columns is shown";

/** Intentional deviations from GitHub: the example, and why. All other examples look the same. */
export const DEVIATIONS = {
  "gfm 203": BREAKS,
  "gfm 204": CELLS,
  "gfm 621": WWW,
  "gfm 622": WWW,
  "gfm 623": WWW,
  "gfm 624": WWW,
  "gfm 625": WWW,
  "gfm 626": WWW,
  "gfm 627": WWW,
  "gfm 628": URLS,
  "gfm 630": MAIL,
  "gfm 653": HTML,
  "ext 3": BREAKS,
  "ext 7": BREAKS,
  "ext 8": CELLS,
  "ext 12": HTML,
  "ext 16": BREAKS,
  "ext 17": SINGLE,
  "ext 18": SINGLE,
  "ext 19": WWW,
  "ext 20": MAIL,
  "ext 22": HTML,
  "ext 23": NOTES,
  "ext 24": WWW,
  "ext 25": WWW,
};
