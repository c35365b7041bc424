import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../../src/domain/errors.ts';
import { createAddressPolicy } from '../../../../src/media/pictures/address-policy.ts';
import { parsePictureUrl, shownUrl } from '../../../../src/media/pictures/picture-url.ts';
import { seededWhole } from '../../../support/random.ts';

const nobody = createAddressPolicy([]);

describe('pictures are fetched from public addresses only', () => {
  test.each([
    ...[
      '1.1.1.1',
      '8.8.8.8',
      '93.184.216.34',
      '100.63.255.255',
      '100.128.0.0',
      '172.15.255.255',
      '172.32.0.0',
    ],
    ...['192.0.1.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '126.255.255.255', '128.0.0.0'],
    ...['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2001:4860:4860::8888', '2003::1'],
  ])('%s is one', (address) => {
    expect(nobody(address)).toBe(true);
  });

  test.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.0', '100.127.255.255', '127.0.0.1'],
    ...['127.255.255.255', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1'],
    ...['192.88.99.1', '192.168.0.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:8.8.8.8',
      '::127.0.0.1',
      '::ffff:0:8.8.8.8',
    ],
    ...['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1', '100::1', 'fc00::1', 'fd12:3456::1'],
    ...['fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', '2001::1', '2001:db8::1', '2001:10::1'],
    ...['2002:7f00:1::', '2002:808:808::1', '3fff::1', '5f00::1'],
    ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '[::1]', '1.1.1.1 ', '1.1.1.1/32'],
  ])('%s is none', (address) => {
    expect(nobody(address)).toBe(false);
  });

  test('every IPv4 address outside of the forbidden networks is one, and none wrapped into IPv6 is', () => {
    const forbidden: readonly (readonly [number, number])[] = [
      ...(
        [
          [0x00, 8],
          [0x0a, 8],
          [0x7f, 8],
        ] as const
      ).map(([top, bits]) => [top * 2 ** 24, bits] as const),
      ...([
        [0x6440_0000, 10],
        [0xa9fe_0000, 16],
        [0xac10_0000, 12],
        [0xc000_0000, 24],
      ] as const),
      ...([
        [0xc000_0200, 24],
        [0xc058_6300, 24],
        [0xc0a8_0000, 16],
        [0xc612_0000, 15],
      ] as const),
      ...([
        [0xc633_6400, 24],
        [0xcb00_7100, 24],
        [0xe000_0000, 4],
        [0xf000_0000, 4],
      ] as const),
    ];
    const random = seededWhole(12_345);
    const near = forbidden.flatMap(([base, bits]) => [
      base,
      base - 1,
      base + 2 ** (32 - bits),
      base + 2 ** (32 - bits) - 1,
    ]);
    const all = [...near, ...Array.from({ length: 3000 }, () => random(2 ** 32))].filter(
      (one) => one >= 0 && one < 2 ** 32,
    );
    for (const number of all) {
      const dotted = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
      const isForbidden = forbidden.some(
        ([base, bits]) => Math.floor((number - base) / 2 ** (32 - bits)) === 0,
      );
      expect([dotted, nobody(dotted)]).toEqual([dotted, !isForbidden]);
      const [high, low] = [(number >>> 16).toString(16), (number & 0xffff).toString(16)];
      for (const wrapped of [
        `::ffff:${dotted}`,
        `::${dotted}`,
        `64:ff9b::${dotted}`,
        `2002:${high}:${low}::`,
      ]) {
        expect([wrapped, nobody(wrapped)]).toEqual([wrapped, false]);
      }
    }
  });

  test('the operator allows networks, in any spelling of their addresses and no others', () => {
    const policy = createAddressPolicy(['10.20.0.0/16', 'fd00::/8']);
    expect(policy('10.20.3.4')).toBe(true);
    expect(policy('::ffff:10.20.3.4')).toBe(true);
    expect(policy('fd12::1')).toBe(true);
    expect(policy('10.21.0.0')).toBe(false);
    expect(policy('fc00::1')).toBe(false);
    expect(policy('127.0.0.1')).toBe(false);
    expect(policy('1.1.1.1')).toBe(true);
  });
});

function codeOf(url: string, base?: URL): string {
  try {
    parsePictureUrl(url, nobody, base);
    return 'taken';
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.retry).toBe('never');
    return error.code;
  }
}

describe('the URL of a picture', () => {
  test.each([
    ['https://cdn.example.com/a.png?x=1', 'taken'],
    ['http://93.184.216.34:8080/a.png', 'taken'],
    ['http://[2606:4700:4700::1111]/a.png', 'taken'],
    ['ftp://example.com/a.png', 'bad-request'],
    ['file:///etc/passwd', 'bad-request'],
    ['data:image/png;base64,AAAA', 'bad-request'],
    ['a.png', 'bad-request'],
    ['', 'bad-request'],
    ['http://user@example.com/a.png', 'bad-request'],
    ['http://user:secret@example.com/a.png', 'bad-request'],
    ['http://127.0.0.1/a.png', 'forbidden'],
    ['http://127.1/a.png', 'forbidden'],
    ['http://2130706433/a.png', 'forbidden'],
    ['http://0x7f.1/a.png', 'forbidden'],
    ['http://0177.0.0.1/a.png', 'forbidden'],
    ['http://017700000001/a.png', 'forbidden'],
    ['http://127.0.0.1./a.png', 'forbidden'],
    ['http://１２７.0.0.1/a.png', 'forbidden'],
    ['http://0/a.png', 'forbidden'],
    ['http://[::1]/a.png', 'forbidden'],
    ['http://[::ffff:127.0.0.1]/a.png', 'forbidden'],
    ['http://[64:ff9b::127.0.0.1]/a.png', 'forbidden'],
    ['http://169.254.169.254/latest/meta-data', 'forbidden'],
    ['http://192.168.1.1/a.png', 'forbidden'],
  ])('%s is %s', (url, wanted) => {
    expect(codeOf(url)).toBe(wanted);
  });

  test.each([
    ['/b.png', 'taken'],
    ['//10.0.0.1/b.png', 'forbidden'],
    ['file:///etc/passwd', 'bad-request'],
    ['http://0x7f000001/', 'forbidden'],
  ])('a redirect to %s is %s', (to, wanted) => {
    expect(codeOf(to, new URL('https://example.com/a.png'))).toBe(wanted);
  });

  test.each([
    [
      'https://user:pw@cdn.example.com:8443/a/b.png?ticket=secret#part',
      'https://cdn.example.com:8443/a/b.png',
    ],
    [`https://example.com/${'x'.repeat(1000)}`, `https://example.com/${'x'.repeat(180)}`],
    ['no url', '(no URL)'],
  ])('%s is shown as %s', (url, shown) => {
    expect(shownUrl(url)).toBe(shown);
  });
});
