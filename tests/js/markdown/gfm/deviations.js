const WWW = "a bare www. address is not linked: nobody knows whether it has https";
const MAIL = "which bare mail addresses are linked differs";
const URLS = "ftp: is no address that a link may lead to, and where a bare address ends differs";
const HTML = "HTML is shown as text";
const SINGLE = "a single ~ is no strikethrough: 20~30 is a range";
const NOTES = "a footnote stays where it was written";
const BREAKS = "a line ends where it was ended";
const CELLS = "a cell that the heading has no place for is shown";

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
