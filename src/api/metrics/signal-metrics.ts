import type { HistogramView } from '../../domain/histogram.ts';
import { type Figure, familiesOf, histogramSamples, type MetricFamily } from './exposition.ts';

/** What a gateway counted of its users over WebSocket. */
export interface SignalFigures {
  readonly sessions: number;
  readonly notLoggedIn: number;
  /** By error code. */
  readonly loginsRefused: ReadonlyMap<string, number>;
  readonly resumed: number;
  readonly notResumed: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly closes: readonly { readonly by: string; readonly code: string; readonly count: number }[];
  /** Seconds. */
  readonly eventDelay: HistogramView;
}

const FIGURES: readonly Figure<SignalFigures>[] = [
  {
    name: 'roomcast_signal_sessions',
    type: 'gauge',
    help: 'Users that are logged in over WebSocket at this gateway.',
    value: ({ sessions }) => sessions,
  },
  {
    name: 'roomcast_signal_not_logged_in',
    type: 'gauge',
    help: 'Connections of signalling that have not logged in.',
    value: ({ notLoggedIn }) => notLoggedIn,
  },
  {
    name: 'roomcast_signal_messages_in_total',
    type: 'counter',
    help: 'Messages of clients.',
    value: ({ messagesIn }) => messagesIn,
  },
  {
    name: 'roomcast_signal_messages_out_total',
    type: 'counter',
    help: 'Messages to clients: answers, events and all else.',
    value: ({ messagesOut }) => messagesOut,
  },
];

/** What is told of signalling. */
export function signalMetrics(figures: SignalFigures): readonly MetricFamily[] {
  const { loginsRefused, resumed, notResumed, closes, eventDelay } = figures;
  return [
    ...familiesOf(FIGURES, [{ labels: {}, of: figures }]),
    {
      name: 'roomcast_signal_logins_refused_total',
      type: 'counter',
      help: 'Logins that were refused, by error code.',
      samples: [...loginsRefused].map(([code, value]) => ({ labels: { code }, value })),
    },
    {
      name: 'roomcast_signal_resumes_total',
      type: 'counter',
      help: 'Logins that wanted to go on with a session: those that did (hit), and those that began a new one (miss).',
      samples: [
        { labels: { outcome: 'hit' }, value: resumed },
        { labels: { outcome: 'miss' }, value: notResumed },
      ],
    },
    {
      name: 'roomcast_signal_closes_total',
      type: 'counter',
      help: 'Connections that ended, by who closed them and the close code; 1006 is a connection that broke.',
      samples: closes.map(({ by, code, count }) => ({ labels: { by, code }, value: count })),
    },
    {
      name: 'roomcast_signal_event_delay_seconds',
      type: 'histogram',
      help: 'From an event of a room, at whatever gateway, to its sending to the members of this one.',
      samples: histogramSamples(eventDelay),
    },
  ];
}
