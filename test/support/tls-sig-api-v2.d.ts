/** Tencent's own token library, which has no types. Room ids and bits are numbers, times are seconds. */
declare module 'tls-sig-api-v2' {
  export class Api {
    constructor(sdkAppId: number, secretKey: string);
    genUserSig(userId: string, expire: number): string;
    genPrivateMapKey(userId: string, expire: number, roomId: number, bits: number): string;
    genPrivateMapKeyWithStringRoomID(userId: string, expire: number, room: string, bits: number): string;
  }
}
