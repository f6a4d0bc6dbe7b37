import { connect, type Socket } from 'node:net';

export interface Talk {
  say(text: string): void;
  heard(): string;
  isOpen(): boolean;
  isOver(): boolean;
  /** Stops reading; what was heard before stays. */
  pause(): void;
  resume(): void;
  hangUp(): void;
}

/** A client that does not know how to behave. */
export function talkTo(path: string): Talk {
  let heard = '';
  let isOver = false;
  const socket: Socket = connect(path);
  socket.setEncoding('utf8');
  socket.on('data', chunk => {
    heard += chunk;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isOver = true;
  });
  return {
    say: text => socket.write(text, 'latin1'),
    heard: () => heard,
    isOpen: () => socket.readyState === 'open',
    isOver: () => isOver,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    hangUp: () => socket.destroy(),
  };
}
