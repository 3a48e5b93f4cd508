export default { reactStrictMode: true, images: { unoptimized: true } };
