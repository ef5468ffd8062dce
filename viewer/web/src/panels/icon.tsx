// Icons of the Lucide set as inline SVG, drawn in the colour of the text. Decoration only: the control that holds one
// carries the name.
import {
  Bell,
  Building2,
  Car,
  ChartColumn,
  Check,
  Circle,
  Clock,
  Copy,
  Crosshair,
  Download,
  ExternalLink,
  Footprints,
  HelpCircle,
  House,
  Languages,
  Layers,
  Link2,
  MapPin,
  Moon,
  PanelLeftClose,
  Pause,
  Pentagon,
  Play,
  Printer,
  Radio,
  RefreshCw,
  Route,
  Ruler,
  Search,
  ShieldCheck,
  SquareTerminal,
  Sun,
  TreeDeciduous,
  TriangleAlert,
  Waves,
  X,
} from "lucide";
import { h } from "preact";

const icons = {
  bell: Bell,
  chart: ChartColumn,
  circle: Circle,
  clock: Clock,
  download: Download,
  pause: Pause,
  polygon: Pentagon,
  play: Play,
  printer: Printer,
  ruler: Ruler,
  terminal: SquareTerminal,
  building: Building2,
  car: Car,
  check: Check,
  copy: Copy,
  crosshair: Crosshair,
  external: ExternalLink,
  feet: Footprints,
  help: HelpCircle,
  home: House,
  languages: Languages,
  layers: Layers,
  link: Link2,
  pin: MapPin,
  moon: Moon,
  panel: PanelLeftClose,
  radio: Radio,
  refresh: RefreshCw,
  road: Route,
  search: Search,
  shield: ShieldCheck,
  sun: Sun,
  tree: TreeDeciduous,
  water: Waves,
  alert: TriangleAlert,
  close: X,
};

/** The icons there are. */
export type IconName = keyof typeof icons;

/** One icon, `size` CSS pixels wide. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {icons[name].map(([tag, attributes], index) => h(tag, { key: index, ...attributes }))}
    </svg>
  );
}
