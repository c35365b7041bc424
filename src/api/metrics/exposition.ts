import type { HistogramView } from '../../domain/histogram.ts';

/** One figure of a family; `suffix` for the parts of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Something that figures are of, with the labels that name it. */
export interface Labelled<T> {
  readonly labels: Readonly<Record<string, string>>;
  readonly of: T;
}

/** How a family is made of each of its subjects. */
export interface Figure<T> {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly value: (of: T) => number;
}

/** A family per figure, with a sample per subject. */
export function familiesOf<T>(
  figures: readonly Figure<T>[],
  subjects: readonly Labelled<T>[],
): readonly MetricFamily[] {
  return figures.map(({ name, type, help, value }) => ({
    name,
    type,
    help,
    samples: subjects.map(({ labels, of }) => ({ labels, value: value(of) })),
  }));
}

/** The samples of a family of type histogram. */
export function histogramSamples({ bounds, counts, total, sum }: HistogramView): readonly Sample[] {
  return [
    ...bounds.map((bound, index) => ({
      suffix: '_bucket' as const,
      labels: { le: String(bound) },
      value: counts[index] ?? 0,
    })),
    { suffix: '_bucket', labels: { le: '+Inf' }, value: total },
    { suffix: '_sum', labels: {}, value: sum },
    { suffix: '_count', labels: {}, value: total },
  ];
}

/** The content type of exposition(). */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function sampleLine(family: string, { labels, value, suffix }: Sample): string {
  const name = family + (suffix ?? '');
  const named = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${named.length === 0 ? '' : `{${named.join(',')}}`} ${valueText(value)}`;
}

/** Prometheus' text form, version 0.0.4; families without samples are left out. */
export function exposition(families: readonly MetricFamily[]): string {
  const lines = families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => [
      `# HELP ${name} ${escapeHelp(help)}`,
      `# TYPE ${name} ${type}`,
      ...samples.map((sample) => sampleLine(name, sample)),
    ]);
  return lines.map((line) => `${line}\n`).join('');
}
