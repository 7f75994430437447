/** `/admin`: what needs somebody now, and pictures of what happens. */
import { page } from '../frame/page.ts';
import { type PageRoute, route } from '../frame/pages.ts';
import type { Visit } from '../frame/visit.ts';
import { type BarChart, barChart, type ShareChart, shareChart } from './chart.ts';
import type { Figures } from './figures.ts';
import { SERIES, type Series } from './figures-store.ts';
import type { Attention, OverviewOperations, UndeliveredNotice } from './operations.ts';

interface LabelledChart extends BarChart {
  marks: readonly (BarChart['marks'][number] & { label: string })[];
}

interface OverviewModel extends Attention {
  /** Nothing of all that. */
  calm: boolean;
  figures: Figures;
  charts: readonly { series: Series; chart: LabelledChart }[];
  share: ShareChart;
}

const overviewPage = page<OverviewModel>('admin/overview/show.njk');
const noticesPage = page<{ items: readonly UndeliveredNotice[] }>('admin/overview/notices.njk');

const ORIGINS = ['document', 'dynamic', 'static'];

export function overviewPages(operations: OverviewOperations): PageRoute[] {
  return [
    route('GET', '', operations.attention, (visit) => show(visit, operations)),
    route('GET', '/notices', operations.notices, async (visit) =>
      visit.render(noticesPage, await visit.perform(operations.notices, {})),
    ),
  ];
}

async function show(visit: Visit, operations: OverviewOperations): Promise<void> {
  const attention = await visit.perform(operations.attention, {});
  const figures = await visit.perform(operations.figures, {});
  const charts = (Object.keys(SERIES) as Series[]).map((series) => ({
    series,
    chart: labelled(barChart(figures.days.map((day) => ({ at: startOf(day.day), value: day[series] }))), visit.locale),
  }));
  const consentsOf = (origin: string) => figures.origins.find((one) => one.origin === origin)?.consents ?? 0;
  const share = shareChart(ORIGINS.map((key) => ({ key, value: consentsOf(key) })));
  visit.render(overviewPage, { ...attention, calm: isCalm(attention), figures, charts, share });
}

function labelled(chart: BarChart, locale: string): LabelledChart {
  const days = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  return { ...chart, marks: chart.marks.map((mark) => ({ ...mark, label: days.format(mark.at) })) };
}

function startOf(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

function isCalm({ approvals, suspended, undelivered, firstSteps: _, ...lists }: Attention): boolean {
  const waits = approvals.waiting + suspended.consents + undelivered > 0;
  return !waits && Object.values(lists).every((list) => list.length === 0);
}
