import type { Groups } from '../groups/groups.ts';
import type { GroupDelivery } from '../groups/local-members.ts';
import type { Connection } from './connection.ts';
import type { Push } from './protocol-messages.ts';
import type { Handlers } from './requests.ts';
import { loginOf } from './room-desk.ts';

type GroupRequests = `group.${'create' | 'join' | 'leave' | 'members' | 'send' | 'history'}`;

const HISTORY = 100;

/** What users who are logged in ask of messaging groups; rooms have no part in it. */
export function groupHandlers(groups: Groups): Pick<Handlers, GroupRequests> {
  return {
    'group.create': async (connection, { groupId, name, historySize }) => {
      const wanted = {
        ...(groupId !== undefined && { groupId }),
        ...(name !== undefined && { name }),
        ...(historySize !== undefined && { historySize }),
      };
      return { answer: await groups.create(loginOf(connection), wanted) };
    },
    'group.join': async (connection, { groupId }) => ({
      answer: await groups.join(loginOf(connection), groupId),
    }),
    'group.leave': async (connection, { groupId }) => {
      await groups.leave(loginOf(connection), groupId);
      return { answer: {} };
    },
    'group.members': async (connection, { groupId }) => ({
      answer: { members: [...(await groups.members(loginOf(connection), groupId))] },
    }),
    'group.send': async (connection, { groupId, text }) => ({
      answer: await groups.send(loginOf(connection), groupId, text),
    }),
    'group.history': async (connection, { groupId, count = HISTORY }) => ({
      answer: { messages: [...(await groups.history(loginOf(connection), groupId, count))] },
    }),
  };
}

/** Hands an event of a group to those of its members that are here; serialised once. */
export function deliverGroupEvent(
  { appId, groupId, users, event }: GroupDelivery,
  find: (userKey: string) => Connection | undefined,
): void {
  const message: Push = { type: 'group', groupId, event };
  const data = Buffer.from(JSON.stringify(message));
  for (const user of users) find(`${appId}/${user}`)?.send(data);
}
